"""Reinforcement learning: policy gradients with and without networks, Q-learning."""
