"""Fill-in-the-middle: what is asked of a model, and where its answer ends; repair and completion share it."""
