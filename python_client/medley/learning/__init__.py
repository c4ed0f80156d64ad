"""Learning from what members did: texts to vectors, training pairs to a two-tower model.

    embed      vectors of items' texts, by a model on this machine
    pairs      training pairs, from the database or a Parquet file, as arrays
    two_tower  the model and its training (PyTorch)
    heads      from a cosine and a rate to the probability of each kind of engagement
    metrics    AUC, recall and NDCG
    evaluate   a model beside popularity, rates and its own untrained start
    publish    a model into the database: version, weights, heads

The database serves what is learnt: both towers are linear, so a projection is an inner product in
SQL, and nothing here runs when a timeline is asked for. What these modules import besides NumPy
comes with the extras: `pip install "medley-supabase[embed]"`, `[learning]`.
"""
