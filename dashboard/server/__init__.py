"""Which requests the server accepts, and its own routes beside Streamlit's."""
