"""What travels through the house: records, evidence, results. No behaviour beyond access."""
