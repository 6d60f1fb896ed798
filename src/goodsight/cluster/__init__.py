"""Photos by shards: cut, answered by this process or by Ray's, kept one file a shard, and read back."""
