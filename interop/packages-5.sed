# Packages that moved between the 4.9 and the 5.x client. The programs are written
# with the 4.9 names; run.sh applies these renames to a copy before it compiles them
# against a 5.x client.
s/org\.apache\.rocketmq\.common\.protocol\./org.apache.rocketmq.remoting.protocol./g
s/org\.apache\.rocketmq\.common\.admin\./org.apache.rocketmq.remoting.protocol.admin./g
s/org\.apache\.rocketmq\.common\.subscription\./org.apache.rocketmq.remoting.protocol.subscription./g
s/org\.apache\.rocketmq\.common\.DataVersion/org.apache.rocketmq.remoting.protocol.DataVersion/g
