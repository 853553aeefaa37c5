"""A study: what to run, its definition as a file, its plan, its store, and what it has found."""
