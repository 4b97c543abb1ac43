"""What test_house.py reads the house with: sources as syntax trees, documents as words. Each check answers sentences."""
