"""Documents: open sales and seatings, which several nodes write at once. Facts over pycrdt; they never decide about money."""
