"""What a sequence is made of; `MultiInputSequence` puts it together."""
