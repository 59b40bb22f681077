"""LiveKit: access tokens for rooms, their administration, SIP, agents and inference."""
