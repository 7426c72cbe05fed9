"""Archives that anybody may have made: read without unpacking, bounded, damage named."""
