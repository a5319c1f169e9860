// The npm library `atlassian-crowd-client`, at a Crowd server: library.js URL NAME PASSWORD. Prints what came of it, in JSON.
const CrowdClient = require('atlassian-crowd-client');
const User = require('atlassian-crowd-client/lib/models/user');
const Group = require('atlassian-crowd-client/lib/models/group');
const Attributes = require('atlassian-crowd-client/lib/models/attributes');
const ValidationFactors = require('atlassian-crowd-client/lib/models/validation-factors');

const [baseUrl, name, password] = process.argv.slice(2);
const crowd = new CrowdClient({ baseUrl, application: { name, password } });
const fields = (user) => [user.username, user.firstname, user.lastname, user.displayname, user.email, user.active];
const failure = async (promise) => promise.then(() => null, (error) => error.type);
const plain = (error) => { throw error; };

async function users(seen) {
  const made = await crowd.user.create(new User('Zoë', 'O & N', 'Zoë <O>', 'zoe@example.test', 'zoe', 'Green-tea-42'));
  seen.made = fields(made);
  seen.twice = await failure(crowd.user.create(new User('Z', 'O', 'Z', 'z@example.test', 'zoe', 'Green-tea-42')));
  const zoe = await crowd.user.get('zoe');
  zoe.lastname = 'Ünal';
  seen.updated = fields(await crowd.user.update('zoe', zoe));
  seen.nobody = await failure(crowd.user.get('nobody'));
  seen.attributes = (await crowd.user.attributes.set('zoe', new Attributes({ room: 'B 7' }))).attributes;
  await crowd.user.attributes.remove('zoe', 'room');
  seen.without = (await crowd.user.attributes.list('zoe')).attributes;
  await crowd.user.password.set('zoe', 'Black-tea-43');
  seen.found = await crowd.search.user('email = "zoe@*" and active = true');
  seen.expanded = (await crowd.search.user('name = "zoe"', true)).map(fields);
}

async function groups(seen) {
  seen.group = (await crowd.group.create(new Group('tea', 'who drinks it'))).groupname;
  await crowd.group.create(new Group('green tea'));
  const updated = await crowd.group.update('tea', new Group('tea', 'drinkers'));
  seen.description = updated.description;
  await crowd.group.children.add('tea', 'green tea');
  await crowd.user.groups.add('zoe', 'green tea');
  seen.groups = [await crowd.user.groups.list('zoe'), (await crowd.user.groups.list('zoe', true)).sort()];
  seen.members = [await crowd.group.users.list('tea'), await crowd.group.users.list('tea', true)];
  seen.children = [await crowd.group.children.list('tea'), await crowd.group.parents.list('green tea')];
  seen.one = await crowd.user.groups.get('zoe', 'tea', true);
  seen.notDirectly = await failure(crowd.user.groups.get('zoe', 'tea'));
  seen.teas = (await crowd.search.group('name = "*tea"')).sort();
}

async function sessions(seen) {
  seen.authenticated = (await crowd.authentication.authenticate('zoe', 'Black-tea-43')).username;
  seen.wrong = await failure(crowd.authentication.authenticate('zoe', 'Green-tea-42'));
  const factors = new ValidationFactors({ remote_address: '192.0.2.7' });
  const session = await crowd.session.create('zoe', 'Black-tea-43', factors, 300);
  seen.lasts = Math.round((session.expiresAt - session.createdAt) / 1000) <= 300;
  seen.user = (await crowd.session.getUser(session.token)).username;
  seen.same = (await crowd.session.validate(session.token, factors)).token === session.token;
  seen.unvalidated = (await failure(crowd.session.createUnvalidated('zoe'))) !== null;
  await crowd.session.remove(session.token);
  seen.ended = await failure(crowd.session.getUser(session.token));
  const other = await crowd.session.create('zoe', 'Black-tea-43', factors);
  await crowd.session.removeAll('zoe');
  seen.allEnded = await failure(crowd.session.getUser(other.token));
  seen.cookie = (await crowd.config.cookie()).name;
}

async function end(seen) {
  await crowd.user.groups.remove('zoe', 'green tea');
  await crowd.group.children.remove('tea', 'green tea');
  await crowd.group.remove('green tea');
  await crowd.group.remove('tea');
  seen.renamed = (await crowd.user.rename('zoe', 'zoë')).name;
  await crowd.user.remove('zoë');
  seen.gone = await failure(crowd.user.get('zoë'));
}

async function main() {
  const seen = {};
  for (const part of [users, groups, sessions, end]) {
    await part(seen).catch((error) => plain(new Error(`${part.name}: ${error.type || ''} ${error.message} after ${JSON.stringify(seen)}`)));
  }
  console.log(JSON.stringify(seen));
}

main().catch((error) => { console.error(error.message); process.exit(1); });
