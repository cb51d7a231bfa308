"""Files where they live, on a disk or in an S3 bucket, behind one protocol; docs/files.md."""
