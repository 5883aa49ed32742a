"""What all deploy sources share: reading payloads, times, tiers, signatures. Pure, no Django."""
