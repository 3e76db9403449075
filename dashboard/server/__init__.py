"""Who may talk to the server, and what the browser fetches beside Streamlit's own messages."""
