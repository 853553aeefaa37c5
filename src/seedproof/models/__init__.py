"""Pre-trained encoders: where they are, what is in them, and how a run starts from them."""
