// Mail by Azure Communication Services from a domain that Azure manages: 5 mails a minute and 10 an hour, which is
// what the mailer keeps to by itself. A domain of your own takes a proof in its DNS, and so a person.
param prefix string
param tags object

resource email 'Microsoft.Communication/emailServices@2023-04-01' = {
  name: '${prefix}-email'
  location: 'global'
  tags: tags
  properties: {
    dataLocation: 'Europe'
  }
}

resource domain 'Microsoft.Communication/emailServices/domains@2023-04-01' = {
  parent: email
  name: 'AzureManagedDomain'
  location: 'global'
  tags: tags
  properties: {
    domainManagement: 'AzureManaged'
    userEngagementTracking: 'Disabled'
  }
}

resource service 'Microsoft.Communication/communicationServices@2023-04-01' = {
  name: '${prefix}-mail'
  location: 'global'
  tags: tags
  properties: {
    dataLocation: 'Europe'
    linkedDomains: [
      domain.id
    ]
  }
}

output sender string = 'Andon <DoNotReply@${domain.properties.mailFromSenderDomain}>'
output name string = service.name
