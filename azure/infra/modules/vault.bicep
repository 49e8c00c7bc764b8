// The two secrets: how the host reads the hub's events, and the password at the mail server.
param name string
param location string
param hubName string
@secure()
param smtpPassword string
param tags object

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: hubName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
  }
}

// The built-in endpoint takes no identities. The policy "service" may read events and call methods, and make nothing.
resource events 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'iothub-events'
  properties: {
    contentType: 'connection string of the hub\'s events'
    value: 'Endpoint=${hub.properties.eventHubEndpoints.events.endpoint};SharedAccessKeyName=service;SharedAccessKey=${listKeys(resourceId('Microsoft.Devices/IotHubs/iotHubKeys', hubName, 'service'), '2023-06-30').primaryKey};EntityPath=${hub.properties.eventHubEndpoints.events.path}'
  }
}

resource password 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(smtpPassword)) {
  parent: vault
  name: 'smtp-password'
  properties: {
    contentType: 'password at the mail server'
    value: smtpPassword
  }
}

output name string = vault.name
output eventsSecret string = events.name
output passwordSecret string = empty(smtpPassword) ? '' : 'smtp-password'
