// A pilot: the free hub, few stations, mail from a domain that Azure manages.
using 'main.bicep'

param prefix = 'andonpilot'
param hubSku = 'F1'
param hubUnits = 1
param mostInstances = 40
param mail = 'acs'
param smtpUser = readEnvironmentVariable('ANDON_SMTP_USER', '')
param smtpPassword = readEnvironmentVariable('ANDON_SMTP_PASSWORD', '')
param recipients = readEnvironmentVariable('ANDON_RECIPIENTS', '')
param timeZone = 'Europe/Berlin'
