"""Streamlit dashboard of genre overlap."""
