"""What may be wrong with photos before anyone trains on them: arrays in, scores out; findings with their evidence."""
