"""What happens between this node and others: links that sync, gossip, addresses, attachments. Knows the port, never libp2p."""
