"""The program: agent loop, index and packing, edits, repair, fusion, risk."""
