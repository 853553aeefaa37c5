"""Many runs of one architecture trained in one step."""
