"""The kinds of answers: what a search found, what runs came to. Each makes one `Document`."""
