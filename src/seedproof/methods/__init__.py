"""What training does beyond the values of a recipe, one file per method."""
