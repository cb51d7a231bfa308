"""What two runners share: metrics, reports, checkpoints, the training loop, export."""
