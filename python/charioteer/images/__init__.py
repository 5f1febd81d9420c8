"""The definitions of guests, and what builds kernels and images from them."""
