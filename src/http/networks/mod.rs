//! The services that a configuration names on the way to an instance: VPCs, subnets, security groups and their rules in the three versions
//! that clients use, public addresses, load balancers, tags of these, and zones; and enterprise projects.
//!
//! Source: docs/contract/networks.md.

mod context;
mod enterprise_projects;
mod groups;
mod load_balancers;
mod neutron;
mod public_ips;
mod subnets;
mod tags;
mod vpcs;
mod zones;

use crate::domain::networks::NetworkKind;
use crate::domain::service::{BALANCING, COMPUTE, ENTERPRISE_PROJECTS, NAMES, VPC};
use crate::http::context::{endpoint, endpoint_of_account, endpoint_of_all, endpoint_of_own_project};
use crate::http::networks::tags::{change_tags, list_tags};
use crate::http::route::{
    DELETE, GET, POST, PUT, RouteEntry, Tag, number, of_service, open, reading, text, writing,
};

const JSON: &str = "application/json";

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    [
        of_service(
            VPC,
            [
                vpcs(),
                subnets(),
                groups_v1(),
                groups_v2(),
                groups_v3(),
                networks(),
                public_ips(),
                public_ips_v3(),
                bandwidths(),
                tags(&TAGGED),
            ]
            .concat(),
        ),
        of_service(BALANCING, [load_balancers(), tags(&TAGGED_OF_BALANCING)].concat()),
        of_service(COMPUTE, zones()),
        of_service(NAMES, name_servers()),
        of_service(ENTERPRISE_PROJECTS, enterprise_projects()),
    ]
    .concat()
}

fn vpcs() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "VPCs", about: "Virtual private clouds." };
    const LIST: &str = "/v1/{project_id}/vpcs";
    const ONE: &str = "/v1/{project_id}/vpcs/{vpc_id}";
    const ONE_V3: &str = "/v3/{project_id}/vpc/vpcs/{vpc_id}";
    let add = |path: &str| format!("{ONE_V3}/{path}");
    TAG.routes([
        writing("create_vpc", "vpc:vpcs:create")
            .summary("Makes a VPC")
            .at(POST, LIST, endpoint(vpcs::create))
            .takes_any(JSON)
            .answers_any(200, JSON),
        reading("list_vpcs", "vpc:vpcs:list")
            .summary("Lists the VPCs of a project")
            .at(GET, LIST, endpoint(vpcs::list))
            .at(GET, "/v3/{project_id}/vpc/vpcs", endpoint(vpcs::list_v3))
            .query(&[
                text("id", "Only this one."),
                text("marker", "The id before the page."),
                text("limit", "How many the page has at most."),
            ])
            .answers_any(200, JSON),
        reading("show_vpc", "vpc:vpcs:get")
            .summary("Shows a VPC")
            .at(GET, ONE, endpoint(vpcs::show))
            .at(GET, ONE_V3, endpoint(vpcs::show_v3))
            .answers_any(200, JSON),
        writing("update_vpc", "vpc:vpcs:update")
            .summary("Changes a VPC")
            .at(PUT, ONE, endpoint(vpcs::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("change_secondary_ranges", "vpc:vpcs:update")
            .summary("Gives a VPC a secondary range, or takes it away")
            .at(PUT, &add("add-extend-cidr"), endpoint(vpcs::add_ranges))
            .at(PUT, &add("remove-extend-cidr"), endpoint(vpcs::remove_ranges))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_vpc", "vpc:vpcs:delete")
            .summary("Deletes a VPC")
            .at(DELETE, ONE, endpoint(vpcs::delete))
            .answers_nothing(),
    ])
}

fn subnets() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Subnets", about: "Subnets of VPCs." };
    const LIST: &str = "/v1/{project_id}/subnets";
    const ONE: &str = "/v1/{project_id}/subnets/{subnet_id}";
    const ONE_OF_VPC: &str = "/v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}";
    TAG.routes([
        writing("create_subnet", "vpc:subnets:create")
            .summary("Makes a subnet")
            .at(POST, LIST, endpoint(subnets::create))
            .takes_any(JSON)
            .answers_any(200, JSON),
        reading("list_subnets", "vpc:subnets:list")
            .summary("Lists the subnets of a project")
            .at(GET, LIST, endpoint(subnets::list))
            .query(&[
                text("vpc_id", "Only those of this VPC."),
                text("marker", "The id before the page."),
                text("limit", "How many the page has at most."),
            ])
            .answers_any(200, JSON),
        reading("show_subnet", "vpc:subnets:get")
            .summary("Shows a subnet")
            .at(GET, ONE, endpoint(subnets::show))
            .answers_any(200, JSON),
        writing("update_subnet", "vpc:subnets:update")
            .summary("Changes a subnet")
            .at(PUT, ONE_OF_VPC, endpoint(subnets::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_subnet", "vpc:subnets:delete")
            .summary("Deletes a subnet")
            .at(DELETE, ONE_OF_VPC, endpoint(subnets::delete))
            .answers_nothing(),
    ])
}

const GROUPS: Tag = Tag { name: "Security groups", about: "Security groups and their rules." };

fn groups_v1() -> Vec<RouteEntry> {
    const LIST: &str = "/v1/{project_id}/security-groups";
    const ONE: &str = "/v1/{project_id}/security-groups/{group_id}";
    const RULES: &str = "/v1/{project_id}/security-group-rules";
    const RULE: &str = "/v1/{project_id}/security-group-rules/{rule_id}";
    use groups::v1;
    GROUPS.routes([
        writing("create_security_group", "vpc:securityGroups:create")
            .summary("Makes a security group")
            .at(POST, LIST, endpoint(v1::create))
            .takes_any(JSON)
            .answers_any(200, JSON),
        reading("list_security_groups", "vpc:securityGroups:get")
            .summary("Lists the security groups of a project")
            .at(GET, LIST, endpoint(v1::list))
            .answers_any(200, JSON),
        reading("show_security_group", "vpc:securityGroups:get")
            .summary("Shows a security group")
            .at(GET, ONE, endpoint(v1::show))
            .answers_any(200, JSON),
        writing("delete_security_group", "vpc:securityGroups:delete")
            .summary("Deletes a security group")
            .at(DELETE, ONE, endpoint(groups::delete))
            .answers_nothing(),
        writing("create_security_group_rule", "vpc:securityGroupRules:create")
            .summary("Adds a rule to a security group")
            .at(POST, RULES, endpoint(v1::create_rule))
            .takes_any(JSON)
            .answers_any(200, JSON),
        reading("list_security_group_rules", "vpc:securityGroupRules:get")
            .summary("Lists rules of security groups")
            .at(GET, RULES, endpoint(v1::list_rules))
            .answers_any(200, JSON),
        reading("show_security_group_rule", "vpc:securityGroupRules:get")
            .summary("Shows a rule of a security group")
            .at(GET, RULE, endpoint(v1::show_rule))
            .answers_any(200, JSON),
        writing("delete_security_group_rule", "vpc:securityGroupRules:delete")
            .summary("Removes a rule of a security group")
            .at(DELETE, RULE, endpoint(groups::delete_rule))
            .answers_nothing(),
    ])
}

fn groups_v2() -> Vec<RouteEntry> {
    const LIST: &str = "/v2.0/security-groups";
    const ONE: &str = "/v2.0/security-groups/{group_id}";
    const RULES: &str = "/v2.0/security-group-rules";
    const RULE: &str = "/v2.0/security-group-rules/{rule_id}";
    use groups::v2;
    GROUPS.routes([
        writing("create_security_group", "vpc:securityGroups:create")
            .summary("Makes a security group")
            .at(POST, LIST, endpoint_of_own_project(v2::create))
            .takes_any(JSON)
            .answers_any(201, JSON),
        reading("list_security_groups", "vpc:securityGroups:get")
            .summary("Lists the security groups of the caller's project")
            .at(GET, LIST, endpoint_of_own_project(v2::list))
            .answers_any(200, JSON),
        reading("show_security_group", "vpc:securityGroups:get")
            .summary("Shows a security group")
            .at(GET, ONE, endpoint_of_own_project(v2::show))
            .answers_any(200, JSON),
        writing("update_security_group", "vpc:securityGroups:update")
            .summary("Gives a security group another name or description")
            .at(PUT, ONE, endpoint_of_own_project(v2::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_security_group", "vpc:securityGroups:delete")
            .summary("Deletes a security group")
            .at(DELETE, ONE, endpoint_of_own_project(groups::delete))
            .answers_nothing(),
        writing("create_security_group_rule", "vpc:securityGroupRules:create")
            .summary("Adds a rule to a security group")
            .at(POST, RULES, endpoint_of_own_project(v2::create_rule))
            .takes_any(JSON)
            .answers_any(201, JSON),
        reading("list_security_group_rules", "vpc:securityGroupRules:get")
            .summary("Lists rules of security groups")
            .at(GET, RULES, endpoint_of_own_project(v2::list_rules))
            .answers_any(200, JSON),
        reading("show_security_group_rule", "vpc:securityGroupRules:get")
            .summary("Shows a rule of a security group")
            .at(GET, RULE, endpoint_of_own_project(v2::show_rule))
            .answers_any(200, JSON),
        writing("delete_security_group_rule", "vpc:securityGroupRules:delete")
            .summary("Removes a rule of a security group")
            .at(DELETE, RULE, endpoint_of_own_project(groups::delete_rule))
            .answers_nothing(),
    ])
}

fn groups_v3() -> Vec<RouteEntry> {
    const LIST: &str = "/v3/{project_id}/vpc/security-groups";
    const ONE: &str = "/v3/{project_id}/vpc/security-groups/{group_id}";
    const RULES: &str = "/v3/{project_id}/vpc/security-group-rules";
    const RULE: &str = "/v3/{project_id}/vpc/security-group-rules/{rule_id}";
    use groups::v3;
    GROUPS.routes([
        writing("create_security_group", "vpc:securityGroups:create")
            .summary("Makes a security group")
            .at(POST, LIST, endpoint(v3::create))
            .takes_any(JSON)
            .answers_any(201, JSON),
        reading("list_security_groups", "vpc:securityGroups:get")
            .summary("Lists the security groups of a project")
            .at(GET, LIST, endpoint(v3::list))
            .answers_any(200, JSON),
        reading("show_security_group", "vpc:securityGroups:get")
            .summary("Shows a security group")
            .at(GET, ONE, endpoint(v3::show))
            .answers_any(200, JSON),
        writing("update_security_group", "vpc:securityGroups:update")
            .summary("Gives a security group another name or description")
            .at(PUT, ONE, endpoint(v3::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_security_group", "vpc:securityGroups:delete")
            .summary("Deletes a security group")
            .at(DELETE, ONE, endpoint(groups::delete))
            .answers_nothing(),
        writing("create_security_group_rule", "vpc:securityGroupRules:create")
            .summary("Adds a rule to a security group")
            .at(POST, RULES, endpoint(v3::create_rule))
            .takes_any(JSON)
            .answers_any(201, JSON),
        reading("list_security_group_rules", "vpc:securityGroupRules:get")
            .summary("Lists rules of security groups")
            .at(GET, RULES, endpoint(v3::list_rules))
            .answers_any(200, JSON),
        reading("show_security_group_rule", "vpc:securityGroupRules:get")
            .summary("Shows a rule of a security group")
            .at(GET, RULE, endpoint(v3::show_rule))
            .answers_any(200, JSON),
        writing("delete_security_group_rule", "vpc:securityGroupRules:delete")
            .summary("Removes a rule of a security group")
            .at(DELETE, RULE, endpoint(groups::delete_rule))
            .answers_nothing(),
    ])
}

fn networks() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Networks", about: "Subnets as the network service below has them." };
    TAG.routes([
        reading("list_networks", "vpc:networks:get")
            .summary("Lists the networks of the caller's project")
            .at(GET, "/v2.0/networks", endpoint_of_own_project(neutron::list_networks))
            .answers_any(200, JSON),
        reading("show_network", "vpc:networks:get")
            .summary("Shows a network")
            .at(GET, "/v2.0/networks/{network_id}", endpoint_of_own_project(neutron::show_network))
            .answers_any(200, JSON),
        reading("list_network_subnets", "vpc:subnets:get")
            .summary("Lists the subnets of networks")
            .at(GET, "/v2.0/subnets", endpoint_of_own_project(neutron::list_subnets))
            .answers_any(200, JSON),
        reading("show_network_subnet", "vpc:subnets:get")
            .summary("Shows the subnet of a network")
            .at(GET, "/v2.0/subnets/{subnet_id}", endpoint_of_own_project(neutron::show_subnet))
            .answers_any(200, JSON),
        reading("list_ports", "vpc:ports:get")
            .summary("Lists ports, of which there are none")
            .at(GET, "/v2.0/ports", endpoint_of_own_project(neutron::list_ports))
            .at(GET, "/v1/{project_id}/ports", endpoint(neutron::list_ports))
            .answers_any(200, JSON),
    ])
}

fn public_ips() -> Vec<RouteEntry> {
    const LIST: &str = "/v1/{project_id}/publicips";
    const ONE: &str = "/v1/{project_id}/publicips/{publicip_id}";
    PUBLIC_IPS.routes([
        writing("create_publicip", "vpc:publicIps:create")
            .summary("Makes a public address with a bandwidth")
            .at(POST, LIST, endpoint(public_ips::create))
            .takes_any(JSON)
            .answers_any(200, JSON),
        reading("list_publicips", "vpc:publicIps:list")
            .summary("Lists the public addresses of a project")
            .at(GET, LIST, endpoint(public_ips::list))
            .at(GET, "/v3/{project_id}/eip/publicips", endpoint(public_ips::list_v3))
            .query(&[
                text("id", "Only this one."),
                text("marker", "The id before the page."),
                text("limit", "How many the page has at most."),
            ])
            .answers_any(200, JSON),
        reading("show_publicip", "vpc:publicIps:get")
            .summary("Shows a public address")
            .at(GET, ONE, endpoint(public_ips::show))
            .at(GET, "/v3/{project_id}/eip/publicips/{publicip_id}", endpoint(public_ips::show_v3))
            .answers_any(200, JSON),
        writing("update_publicip", "vpc:publicIps:update")
            .summary("Binds a public address to a port, unbinds it, or renames it")
            .at(PUT, ONE, endpoint(public_ips::update))
            .at(PUT, "/v3/{project_id}/eip/publicips/{publicip_id}", endpoint(public_ips::update_v3))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_publicip", "vpc:publicIps:delete")
            .summary("Deletes a public address")
            .at(DELETE, ONE, endpoint(public_ips::delete))
            .answers_nothing(),
    ])
}

const PUBLIC_IPS: Tag =
    Tag { name: "Public addresses", about: "Public addresses (EIPs) and their bandwidths." };

fn public_ips_v3() -> Vec<RouteEntry> {
    const ONE: &str = "/v3/{project_id}/eip/publicips/{publicip_id}";
    PUBLIC_IPS.routes([
        writing("associate_publicip", "vpc:publicIps:update")
            .summary("Binds a public address")
            .at(POST, &format!("{ONE}/associate-instance"), endpoint(public_ips::bind))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("disassociate_publicip", "vpc:publicIps:update")
            .summary("Unbinds a public address")
            .at(POST, &format!("{ONE}/disassociate-instance"), endpoint(public_ips::unbind))
            .answers_any(200, JSON),
    ])
}

fn bandwidths() -> Vec<RouteEntry> {
    const LIST: &str = "/v1/{project_id}/bandwidths";
    const ONE: &str = "/v1/{project_id}/bandwidths/{bandwidth_id}";
    PUBLIC_IPS.routes([
        reading("list_publicip_bandwidths", "vpc:bandwidths:list")
            .summary("Lists the bandwidths of public addresses")
            .at(GET, LIST, endpoint(public_ips::list_bandwidths))
            .answers_any(200, JSON),
        reading("show_publicip_bandwidth", "vpc:bandwidths:get")
            .summary("Shows the bandwidth of a public address")
            .at(GET, ONE, endpoint(public_ips::show_bandwidth))
            .answers_any(200, JSON),
        writing("update_publicip_bandwidth", "vpc:bandwidths:update")
            .summary("Changes the bandwidth of a public address")
            .at(PUT, ONE, endpoint(public_ips::update_bandwidth))
            .takes_any(JSON)
            .answers_any(200, JSON),
    ])
}

fn load_balancers() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Load balancers", about: "Those by which instances are opened to the public." };
    const LIST: &str = "/v3/{project_id}/elb/loadbalancers";
    const ONE: &str = "/v3/{project_id}/elb/loadbalancers/{loadbalancer_id}";
    TAG.routes([
        writing("create_loadbalancer", "elb:loadbalancers:create")
            .summary("Makes a load balancer")
            .at(POST, LIST, endpoint(load_balancers::create))
            .takes_any(JSON)
            .answers_any(201, JSON),
        reading("list_loadbalancers", "elb:loadbalancers:list")
            .summary("Lists the load balancers of a project")
            .at(GET, LIST, endpoint(load_balancers::list))
            .answers_any(200, JSON),
        reading("show_loadbalancer", "elb:loadbalancers:get")
            .summary("Shows a load balancer")
            .at(GET, ONE, endpoint(load_balancers::show))
            .answers_any(200, JSON),
        writing("update_loadbalancer", "elb:loadbalancers:put")
            .summary("Changes a load balancer")
            .at(PUT, ONE, endpoint(load_balancers::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("delete_loadbalancer", "elb:loadbalancers:delete")
            .summary("Deletes a load balancer")
            .at(DELETE, ONE, endpoint(|engine, call| load_balancers::delete(engine, call, false)))
            .at(
                DELETE,
                &format!("{ONE}/force-elb"),
                endpoint(|engine, call| load_balancers::delete(engine, call, true)),
            )
            .answers_nothing(),
        reading("list_listeners", "elb:listeners:list")
            .summary("Lists the ports by which instances are reached")
            .at(GET, "/v3/{project_id}/elb/listeners", endpoint(load_balancers::list_listeners))
            .query(&[text("loadbalancer_id", "Only those of this load balancer.")])
            .answers_any(200, JSON),
    ])
}

/// What has tags, by the name in their path.
type Tagged = (&'static str, NetworkKind);
const TAGGED: [Tagged; 4] = [
    ("vpcs", NetworkKind::Vpc),
    ("subnets", NetworkKind::Subnet),
    ("security-groups", NetworkKind::SecurityGroup),
    ("publicips", NetworkKind::PublicIp),
];
const TAGGED_OF_BALANCING: [Tagged; 1] = [("loadbalancers", NetworkKind::LoadBalancer)];

fn tags(tagged: &[Tagged]) -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Tags of networks", about: "Tags of what is in a network." };
    let mut list = reading("list_network_tags", "vpc:tags:get").summary("Lists tags");
    let mut change = writing("change_network_tags", "vpc:tags:update").summary("Sets or removes tags");
    for (things, kind) in tagged.iter().copied() {
        let path = format!("/v2.0/{{project_id}}/{things}/{{id}}/tags");
        list = list.at(GET, &path, endpoint(move |engine, call| list_tags(engine, call, kind)));
        let path = format!("{path}/action");
        change = change.at(POST, &path, endpoint(move |engine, call| change_tags(engine, call, kind)));
    }
    TAG.routes([list.answers_any(200, JSON), change.takes_any(JSON).answers_nothing()])
}

fn zones() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Zones", about: "Availability zones, as the compute service lists them." };
    TAG.routes([open("list_compute_zones")
        .summary("Lists the availability zones")
        .at(GET, "/v2.1/{project_id}/os-availability-zone", endpoint(zones::list))
        .at(GET, "/v2/{project_id}/os-availability-zone", endpoint(zones::list))
        .at(GET, "/v3/{project_id}/os-availability-zone", endpoint(zones::list))
        .answers_any(200, JSON)])
}

fn name_servers() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Name servers", about: "Those that a subnet of a region is given." };
    TAG.routes([open("list_name_servers")
        .summary("Lists the name servers of a region")
        .at(GET, "/v2/nameservers", endpoint_of_all(zones::list_name_servers))
        .query(&[text("region", "Which region.")])
        .answers_any(200, JSON)])
}

fn enterprise_projects() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Enterprise projects", about: "By what an account groups its resources." };
    const LIST: &str = "/v1.0/enterprise-projects";
    const ONE: &str = "/v1.0/enterprise-projects/{enterprise_project_id}";
    let add = |path: &str| format!("{ONE}/{path}");
    TAG.routes([
        reading("list_enterprise_projects", "eps:enterpriseProjects:list")
            .summary("Lists the enterprise projects of the caller's account")
            .at(GET, LIST, endpoint_of_account(enterprise_projects::list))
            .query(&[
                text("name", "Only those with this in their names."),
                text("id", "Only this one."),
                text("status", "Only those that are enabled (1) or disabled (2)."),
                text("type", "Only those of production (prod) or of trials (poc)."),
                text("sort_key", "By what they are sorted: created_at, updated_at."),
                text("sort_dir", "Whether the latest come first (desc) or last (asc)."),
                number("offset", "How many stand before the page."),
                number("limit", "How many the page has at most.").from(1).up_to(1000),
            ])
            .answers_any(200, JSON),
        reading("show_enterprise_project", "eps:enterpriseProjects:get")
            .summary("Shows an enterprise project")
            .at(GET, ONE, endpoint_of_account(enterprise_projects::show))
            .answers_any(200, JSON),
        writing("create_enterprise_project", "eps:enterpriseProjects:create")
            .summary("Makes an enterprise project")
            .at(POST, LIST, endpoint_of_account(enterprise_projects::create))
            .takes_any(JSON)
            .answers_any(201, JSON),
        writing("update_enterprise_project", "eps:enterpriseProjects:update")
            .summary("Changes an enterprise project")
            .at(PUT, ONE, endpoint_of_account(enterprise_projects::update))
            .takes_any(JSON)
            .answers_any(200, JSON),
        writing("switch_enterprise_project", "eps:enterpriseProjects:enable")
            .summary("Enables or disables an enterprise project")
            .at(POST, &add("action"), endpoint_of_account(enterprise_projects::switch))
            .takes_any(JSON)
            .answers_nothing(),
        writing("delete_enterprise_project", "eps:enterpriseProjects:delete")
            .summary("Deletes a disabled enterprise project in which nothing is")
            .at(DELETE, ONE, endpoint_of_account(enterprise_projects::delete))
            .answers_nothing(),
        writing("migrate_resource", "eps:resources:add")
            .summary("Moves a resource to an enterprise project")
            .at(POST, &add("resources-migrate"), endpoint_of_account(enterprise_projects::migrate))
            .takes_any(JSON)
            .answers_nothing(),
        reading("list_enterprise_project_resources", "eps:resources:list")
            .summary("Lists what is in an enterprise project")
            .at(POST, &add("resources/filter"), endpoint_of_account(enterprise_projects::filter))
            .takes_any(JSON)
            .answers_any(200, JSON),
    ])
}
