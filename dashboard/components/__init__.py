"""Small components in plain JavaScript: what Streamlit itself cannot show."""
