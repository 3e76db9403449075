"""One fastai CNN that is both classifier and embedding extractor."""
