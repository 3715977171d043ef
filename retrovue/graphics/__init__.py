"""Graphics: how a card or an overlay looks. Values in, SVG out; what makes pixels of it is in playout."""
