"""Models: profiles, weights, serving, and the client that speaks to them."""
