// The defect mailer: a function app with a custom handler on Flex Consumption, and the roles that it needs.
param name string
param location string
param storageName string
param packages string
param state string
param vaultName string
param eventsSecret string
param passwordSecret string
param eventHubName string
param hubName string
param insightsName string
param mostInstances int
param smtpHost string
param smtpPort int
param smtpFrom string
param smtpUser string
param recipients string
param timeZone string
param tags object

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${name}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

var always = [
  {
    name: 'AzureWebJobsStorage__accountName'
    value: account.name
  }
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    value: insights.properties.ConnectionString
  }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'Authorization=AAD'
  }
  {
    name: 'IOTHUB_EVENTS'
    value: '@Microsoft.KeyVault(VaultName=${vault.name};SecretName=${eventsSecret})'
  }
  {
    name: 'IOTHUB_EVENTS_NAME'
    value: eventHubName
  }
  {
    name: 'MAILER_HUB'
    value: hubName
  }
  {
    name: 'MAILER_STATE'
    value: state
  }
  {
    name: 'MAILER_SMTP_HOST'
    value: smtpHost
  }
  {
    name: 'MAILER_SMTP_PORT'
    value: string(smtpPort)
  }
  {
    name: 'MAILER_SMTP_FROM'
    value: smtpFrom
  }
  {
    name: 'MAILER_TIME_ZONE'
    value: timeZone
  }
]

var login = empty(smtpUser) || empty(passwordSecret) ? [] : [
  {
    name: 'MAILER_SMTP_USER'
    value: smtpUser
  }
  {
    name: 'MAILER_SMTP_PASSWORD'
    value: '@Microsoft.KeyVault(VaultName=${vault.name};SecretName=${passwordSecret})'
  }
]

// Without recipients here, the plan's file in the package names them.
var whom = empty(recipients) ? [
  {
    name: 'MAILER_PLAN'
    value: 'recipients.toml'
  }
] : [
  {
    name: 'MAILER_TO'
    value: recipients
  }
]

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packages
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 512
        maximumInstanceCount: mostInstances
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: concat(always, login, whom)
    }
  }
}

// The least that it needs: its blobs (Data Owner, because the host takes leases and sets their metadata), the queue
// that the host keeps for itself, the two secrets, and to send its own metrics.
var roles = {
  blobs: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queues: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  secrets: '4633458b-17de-408a-b874-0445c86b69e6'
  metrics: '3913510d-42f4-4e42-8a64-420c390055eb'
}

resource blobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, app.id, roles.blobs)
  scope: account
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobs)
  }
}

resource queues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, app.id, roles.queues)
  scope: account
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queues)
  }
}

resource secrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, app.id, roles.secrets)
  scope: vault
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secrets)
  }
}

resource metrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, app.id, roles.metrics)
  scope: insights
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.metrics)
  }
}

output name string = app.name
