"""The LangGraph spine: state, nodes, and every edge in `build.py`."""
