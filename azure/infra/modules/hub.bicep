// IoT Hub. Every route that is made takes its messages away from the built-in endpoint, unless one leads there: the
// routes below and the fallback route do.
param name string
param location string
param sku string
param units int
param partitions int
param tags object

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    capacity: units
  }
  properties: {
    minTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
    disableLocalAuth: false
    // For whoever looks after the hub; for the mailer; for the provisioning service. Each with its least.
    authorizationPolicies: [
      {
        keyName: 'iothubowner'
        rights: 'RegistryRead, RegistryWrite, ServiceConnect, DeviceConnect'
      }
      {
        keyName: 'service'
        rights: 'ServiceConnect'
      }
      {
        keyName: 'provisioning'
        rights: 'RegistryWrite, ServiceConnect'
      }
    ]
    eventHubEndpoints: {
      events: {
        retentionTimeInDays: 1
        partitionCount: partitions
      }
    }
    routing: {
      routes: [
        {
          // Stations that are silent.
          name: 'connections'
          source: 'DeviceConnectionStateEvents'
          condition: 'true'
          endpointNames: [
            'events'
          ]
          isEnabled: true
        }
        {
          // Health, acknowledgements, heartbeat: reported properties only, not what the back end desires.
          name: 'twins'
          source: 'TwinChangeEvents'
          condition: 'true'
          endpointNames: [
            'events'
          ]
          isEnabled: true
        }
      ]
      fallbackRoute: {
        name: '$fallback'
        source: 'DeviceMessages'
        condition: 'true'
        endpointNames: [
          'events'
        ]
        isEnabled: true
      }
    }
  }
}

// Readers of one group follow each other's checkpoints; the mailer has one of its own.
resource group 'Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups@2023-06-30' = {
  name: '${hub.name}/events/mailer'
  properties: {
    name: 'mailer'
  }
}

output name string = hub.name
output hostName string = hub.properties.hostName
output eventHubName string = hub.properties.eventHubEndpoints.events.path
