@echo off
rem Stops the servers of this machine: mqshutdown broker | namesrv.
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
if /I "%~1" == "broker" goto broker
if /I "%~1" == "namesrv" goto namesrv
echo Unknown role to kill, please specify broker or namesrv
exit /b 1
:broker
echo killing broker
call :stop BrokerStartup
exit /b 0
:namesrv
echo killing name server
call :stop NamesrvStartup
exit /b 0
:stop
for /f %%i in ('powershell -NoProfile -Command "Get-CimInstance Win32_Process -Filter \"Name='ferrite.exe'\" | Where-Object { $_.CommandLine -match '%~1' } | ForEach-Object { $_.ProcessId }"') do taskkill /F /PID %%i
echo Done!
exit /b 0
