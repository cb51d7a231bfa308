"""What runs beside a job where it runs: inputs in, results out, and one writer at a time.

`python -m skillbank.staging JOB ATTEMPT` carries out one attempt on any machine. It takes the
lease of the job (`lease`), brings its inputs to the local disk (`inputs`), starts the job, sends
what it writes to the results URI as it is written (`outbox`), and tells how it ended.
"""
