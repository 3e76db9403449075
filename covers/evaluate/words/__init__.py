"""What an evaluation says, in words: its conclusions and its one sentence."""
