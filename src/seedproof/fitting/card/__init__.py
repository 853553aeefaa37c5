"""A model's card, README.md: what one run of the recipe scores, what the shipped model does, what is to be known of the data.

``page`` has the order of its sections. ``expectations`` has the sentences on what was found, which are printed, too;
``development_set`` what was taken for what there; ``front_matter`` what the hub reads. ``told`` is what they tell beside the
judgement, and how numbers are written.
"""
