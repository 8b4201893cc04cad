//! What the rules of networks have in common.
