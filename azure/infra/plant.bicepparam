// A plant: a hub that is paid for, the plant's own mail server, recipients by line and shift in recipients.toml.
using 'main.bicep'

param prefix = 'andon'
param hubSku = 'S1'
param hubUnits = 1
param partitions = 8
param mostInstances = 40
param mail = 'smtp'
param smtpHost = readEnvironmentVariable('ANDON_SMTP_HOST', 'smtp.plant.example')
param smtpPort = 587
param smtpFrom = readEnvironmentVariable('ANDON_SMTP_FROM', 'Andon <andon@plant.example>')
param smtpUser = readEnvironmentVariable('ANDON_SMTP_USER', '')
param smtpPassword = readEnvironmentVariable('ANDON_SMTP_PASSWORD', '')
param timeZone = 'Europe/Berlin'
