"""Tables, figures and progress for people: everything here writes or draws what an analysis has already computed.

Import from the modules: :mod:`~seedproof.report.tables`, :mod:`~seedproof.report.boxplot`,
:mod:`~seedproof.report.progress`. This one stays empty so that a table does not cost the start of a drawing library.
"""
