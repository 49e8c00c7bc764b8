// Device Provisioning Service, linked to the hub. The enrolment group is made by deploy.sh: it is data of the service,
// not a resource, and so cannot stand here.
param name string
param location string
param hubName string
param tags object

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: hubName
}

resource provisioning 'Microsoft.Devices/provisioningServices@2022-12-12' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'S1'
    capacity: 1
  }
  properties: {
    allocationPolicy: 'Hashed'
    publicNetworkAccess: 'Enabled'
    iotHubs: [
      {
        location: location
        // To make devices and nothing more: the policy that hub.bicep makes for it.
        connectionString: 'HostName=${hub.properties.hostName};SharedAccessKeyName=provisioning;SharedAccessKey=${listKeys(resourceId('Microsoft.Devices/IotHubs/iotHubKeys', hubName, 'provisioning'), '2023-06-30').primaryKey}'
      }
    ]
  }
}

output idScope string = provisioning.properties.idScope
output name string = provisioning.name
