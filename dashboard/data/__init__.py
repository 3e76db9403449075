"""Tables of the workspace → what a page shows, without Streamlit."""
