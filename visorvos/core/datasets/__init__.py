"""Records and arrays in, frames, masks and clips out."""
