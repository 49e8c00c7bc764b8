// The cloud half of andon in one resource group: IoT Hub, provisioning, storage, the mailer, mail, secrets, logs.
// `deploy.sh` calls it; README.md says what it costs and what of it was run.
targetScope = 'resourceGroup'

@description('Begins the names of all resources, e.g. "andon". Names that must be unique in the world get a suffix.')
@minLength(3)
@maxLength(11)
param prefix string = 'andon'

@description('Where everything is.')
param location string = resourceGroup().location

@description('F1 is free: 8,000 messages a day of 0.5 KB, one hub a subscription. S1 takes 400,000 of 4 KB a unit and day.')
@allowed(['F1', 'S1'])
param hubSku string = 'S1'

@description('Units of the hub. F1 has one.')
@minValue(1)
@maxValue(200)
param hubUnits int = 1

@description('Partitions of the hub\'s events: the most instances of the mailer that read at once. Cannot be changed later; F1 has at most 2.')
@minValue(2)
@maxValue(32)
param partitions int = 4

@description('The most instances of the function app.')
@minValue(1)
@maxValue(1000)
param mostInstances int = 40

@description('"acs" makes Azure Communication Services with a domain that Azure manages; "smtp" uses the server of the plant.')
@allowed(['acs', 'smtp'])
param mail string = 'acs'

@description('The plant\'s mail server; with "acs" it is smtp.azurecomm.net.')
param smtpHost string = 'smtp.azurecomm.net'

@description('587 with STARTTLS.')
param smtpPort int = 587

@description('The sender; with "acs" the address that Azure makes, unless one of your own domain is given.')
param smtpFrom string = ''

@description('User name at the mail server. For "acs": RESOURCE|APPLICATION ID|TENANT ID, see README.md.')
param smtpUser string = ''

@description('Password at the mail server; for "acs" the application\'s client secret. It goes into the vault, and nowhere else.')
@secure()
param smtpPassword string = ''

@description('Recipients, separated by commas; leave empty where recipients.toml is in the function app\'s folder.')
param recipients string = ''

@description('The zone in which mails give times and shifts are, e.g. Europe/Berlin.')
param timeZone string = 'UTC'

@description('Tags for all resources.')
param tags object = {
  application: 'andon'
}

var suffix = uniqueString(resourceGroup().id)

module logs 'modules/logs.bicep' = {
  name: 'logs'
  params: {
    prefix: prefix
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: take('${toLower(replace(prefix, '-', ''))}${suffix}', 24)
    location: location
    tags: tags
  }
}

module hub 'modules/hub.bicep' = {
  name: 'hub'
  params: {
    name: '${prefix}-hub-${suffix}'
    location: location
    sku: hubSku
    units: hubUnits
    partitions: hubSku == 'F1' ? 2 : partitions
    tags: tags
  }
}

module provisioning 'modules/provisioning.bicep' = {
  name: 'provisioning'
  params: {
    name: '${prefix}-dps-${suffix}'
    location: location
    hubName: hub.outputs.name
    tags: tags
  }
}

module communication 'modules/communication.bicep' = if (mail == 'acs') {
  name: 'communication'
  params: {
    prefix: '${prefix}-${suffix}'
    tags: tags
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: take('${prefix}-${suffix}', 24)
    location: location
    hubName: hub.outputs.name
    smtpPassword: smtpPassword
    tags: tags
  }
}

module mailer 'modules/mailer.bicep' = {
  name: 'mailer'
  params: {
    name: '${prefix}-mailer-${suffix}'
    location: location
    storageName: storage.outputs.name
    packages: storage.outputs.packages
    state: storage.outputs.state
    vaultName: vault.outputs.name
    eventsSecret: vault.outputs.eventsSecret
    passwordSecret: vault.outputs.passwordSecret
    eventHubName: hub.outputs.eventHubName
    hubName: hub.outputs.name
    insightsName: logs.outputs.insightsName
    mostInstances: mostInstances
    smtpHost: smtpHost
    smtpPort: smtpPort
    smtpFrom: mail == 'acs' && empty(smtpFrom) ? communication!.outputs.sender : smtpFrom
    smtpUser: smtpUser
    recipients: recipients
    timeZone: timeZone
    tags: tags
  }
}

@description('For the stations: the hub\'s host name.')
output hubHostName string = hub.outputs.hostName

@description('For stations that provision themselves: the ID scope.')
output idScope string = provisioning.outputs.idScope

@description('Where deploy.sh puts the mailer.')
output mailerName string = mailer.outputs.name

@description('For the roles of whoever looks at what was refused.')
output storageName string = storage.outputs.name
