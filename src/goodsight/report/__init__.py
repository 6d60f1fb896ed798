"""What a training or an evaluation found, as files a person can read: report.html, metrics.json, README.md."""
