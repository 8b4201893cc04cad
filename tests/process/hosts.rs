//! `hosts`: the lines of a hosts file.

use crate::process_support::{program, run};

#[test]
fn the_hosts_of_both_clouds_lead_here() {
    let printed = run(program(&["hosts"]));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let expected = "\
        127.0.0.1 iam.eu-de.otc.t-systems.com iam-pub.eu-de.otc.t-systems.com iam.otc.t-systems.com iam-pub.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 dcs.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 bss.eu-de.otc.t-systems.com bss-intl.eu-de.otc.t-systems.com bss.otc.t-systems.com bss-intl.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 sts.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 vpc.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 ecs.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 dns.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 elb.eu-de.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 eps.eu-de.otc.t-systems.com eps.otc.t-systems.com # dcs-emulator\n\
        127.0.0.1 iam.eu-de.myhuaweicloud.com iam-pub.eu-de.myhuaweicloud.com iam.myhuaweicloud.com iam-pub.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 dcs.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 bss.eu-de.myhuaweicloud.com bss-intl.eu-de.myhuaweicloud.com bss.myhuaweicloud.com bss-intl.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 sts.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 vpc.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 ecs.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 dns.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 elb.eu-de.myhuaweicloud.com # dcs-emulator\n\
        127.0.0.1 eps.eu-de.myhuaweicloud.com eps.myhuaweicloud.com # dcs-emulator\n";
    assert_eq!(printed.stdout, expected);
    for (region, host) in [
        ("eu-ch2", " iam-pub.eu-ch2.sc.otc.t-systems.com "),
        ("eu-west-101", " bss.eu-west-101.myhuaweicloud.eu "),
    ] {
        let printed = run(program(&["hosts", "--region", region]));
        assert!(printed.stdout.contains(host), "{printed:?}");
    }
}

#[test]
fn a_domain_a_region_and_an_address_are_as_they_are_given() {
    let flags = ["hosts", "--domain", "example.test", "--region", "eu-nl", "--address", "::1"];
    let printed = run(program(&flags));
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(printed.stdout.contains("::1 dcs.eu-nl.example.test # dcs-emulator\n"), "{printed:?}");
    assert_eq!(printed.stdout.lines().count(), 9, "{printed:?}");
    let help = run(program(&["hosts", "--help"]));
    for line in ["dcs-emulator hosts | sudo tee -a /etc/hosts", "sudo sed -i '/# dcs-emulator$/d' /etc/hosts"]
    {
        assert!(help.stdout.contains(line), "{help:?}");
    }
}
