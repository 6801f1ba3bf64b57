"""Images, masks, palettes, frames, video, archives: read from disk and written whole or not at all."""
