"""What the models of the product are made from and with: corpus, tools and packs."""
