"""Models that pool effects or counts: arrays in, small frozen results out."""
