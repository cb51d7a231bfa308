"""Videos in and out: people's poses from pictures, and pictures with poses drawn on them."""
